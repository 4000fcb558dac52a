"""The list of the models that are there: what they are, who counts, and what was measured."""

from __future__ import annotations

from apiflask import APIBlueprint

from backend.models.classifier import Classifier
from backend.models.members import KINDS, Member
from backend.report.model_errors import Errors
from backend.report.schema_models import ModelFacts, Models
from backend.settings import Settings
from backend.web.openapi import failures


def build(there: Models) -> APIBlueprint:
    """The route."""
    models = APIBlueprint("models", __name__, tag="Server")

    @models.get("/api/v1/models")
    @models.output(Models)
    @models.doc(operation_id="list_models", responses=failures(401))
    def list_models():
        """List the models that are there, with what was measured of each."""
        return there

    return models


def models_there(settings: Settings, classifier: Classifier, errors: Errors) -> Models:
    """Those that are there; they do not change while the server runs."""
    config = classifier.config
    uses = ((config.members, "decides"), (config.guests, "shown"), (config.idle, "idle"))
    shares = {
        kind: {voter.card.name: voter.weight for voter in classifier.of(kind).voters}
        for kind in KINDS
    }

    def facts(member: Member, use: str) -> ModelFacts:
        weights = {kind: own[member.name] for kind, own in shares.items() if member.name in own}
        return ModelFacts(
            name=member.name,
            file=member.file,
            size=(classifier.folder / member.file).stat().st_size,
            sha256=member.sha256,
            use=use,
            input=member.input,
            input_size=member.input_size,
            weights=weights,
            trained_on=member.trained_on,
            licence=member.licence,
            measured=list(errors.get(member.sha256, ())),
        )

    return Models(
        ensemble=settings.ensemble,
        models=[facts(member, use) for members, use in uses for member in members],
    )
