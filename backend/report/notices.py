"""The fixed sentences about scores, limits and units, for the page and the PDF."""

NOT_A_PROOF = (
    "A score is not a proof. Look for the source and for a second opinion before you act on it."
)
WHAT_IT_MEANS = (
    "The probability is the model's own estimate, calibrated on test faces of the kinds it was "
    "trained on; elsewhere it can be far off. Real and Fake are said only beyond two thresholds; "
    "between them no side is taken."
)
WHAT_IT_IS_NOT = (
    "It is not the share of the picture that was changed, and not a chance of guilt. Where fakes "
    "are rarer than in our tests, about half of which were, a high score is more often wrong."
)
LIMITS = (
    "Only faces were judged. Voices, text, backgrounds, bodies and whether a scene was staged or "
    "shown out of context were not. New ways of making fakes can go unnoticed: clips are searched "
    "for changed faces, and one that a generator drew as a whole can pass as real. Strong "
    "compression, filters or make-up can look like a fake."
)
UNITS = {
    "log-odds": "Log-odds: the model's own scale; 1 more leads from 50 % to 73 %, 2 more to 88 %.",
    "dB": "dB: how much stronger one thing is than another; 6 dB is twice, 0 the same, −6 half.",
}
