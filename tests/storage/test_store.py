"""Storage: names, publishing, expiry, deleting, and sweeping in more than one process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.errors import Gone, NotFound, StorageFull
from backend.storage.store import ID, Storage


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def storage(settings, clock):
    storage = Storage(settings, clock)
    storage.prepare()
    return storage


def published(storage):
    stage = storage.stage()
    (stage.folder / "frame-000.jpg").write_bytes(b"jpeg")
    storage.publish(stage, {"name": "视频"})
    return stage


def everything(settings):
    return [path for root in (settings.uploads / ".incoming", settings.results)
            for path in Path(root).iterdir()]  # fmt: skip


def test_publishing_shows_report_and_pictures_at_once(storage):
    stage = storage.stage()
    with pytest.raises(NotFound):
        storage.report(stage.id)
    (stage.folder / "frame-000.jpg").write_bytes(b"jpeg")
    storage.publish(stage, {"name": "视频"})
    assert ID.fullmatch(stage.id)
    assert storage.report(stage.id) == {"name": "视频"}
    assert storage.picture(stage.id, "frame-000.jpg").read_bytes() == b"jpeg"


@pytest.mark.parametrize("name", ["report.json", "../x/frame-000.jpg", ".hidden", "frame-001.jpg"])
def test_only_existing_pictures_are_given_out(storage, name):
    with pytest.raises(NotFound):
        storage.picture(published(storage).id, name)


@pytest.mark.parametrize("id", ["", ".", "..", ".tmp-", "../uploads", "a" * 30, "\0" * 30])
def test_strange_ids_are_not_found(storage, id):
    for call in (storage.report, storage.delete):
        with pytest.raises(NotFound):
            call(id)


def test_a_result_past_its_time_is_gone_before_the_sweep(storage, settings, clock):
    stage = published(storage)
    clock.now += settings.retention
    with pytest.raises(Gone):
        storage.report(stage.id)


def test_a_short_retention_leaves_a_file_that_still_arrives(settings, clock):
    settings = settings.model_copy(update={"retention": 120})
    storage = Storage(settings, clock=clock)
    storage.prepare()
    with storage.receive() as file:
        incoming = Path(file.name)
    clock.now += 300
    storage.sweep()
    assert incoming.exists()
    clock.now += settings.upload_timeout + settings.analysis_timeout
    storage.sweep()
    assert not incoming.exists()


def test_delete_leaves_nothing(storage, settings):
    stage = published(storage)
    storage.delete(stage.id)
    assert everything(settings) == []
    for again in (storage.delete, storage.report):
        with pytest.raises(Gone, match="deleted on 2027-01-15 at 08:00:00 UTC"):
            again(stage.id)


def test_a_deletion_is_told_for_a_day(storage, settings, clock):
    stage = published(storage)
    clock.now += settings.retention + 5
    storage.sweep()
    with pytest.raises(Gone, match="2027-01-15 at 09:00:05 UTC"):
        storage.report(stage.id)
    clock.now += 86_400
    storage.sweep()
    with pytest.raises(NotFound):
        storage.report(stage.id)


def test_a_deletion_is_told_for_a_day_however_long_results_are_kept(settings, clock):
    storage = Storage(settings.model_copy(update={"retention": 200_000}), clock=clock)
    stage = published(storage)
    clock.now += 200_005
    storage.sweep()
    clock.now += 86_000
    storage.sweep()
    with pytest.raises(Gone):
        storage.report(stage.id)


def test_sweep_takes_what_is_old_and_nothing_else(storage, settings, clock):
    storage.receive().close()
    storage.stage()
    published(storage)
    stranger = settings.results / "notes.txt"
    stranger.write_text("not ours")
    clock.now += settings.retention - 1
    young = published(storage)
    assert storage.sweep() == 0
    clock.now += 1
    assert storage.sweep() == 3
    assert set(everything(settings)) == {stranger, settings.results / young.id}
    assert storage.sweep() == 0


def test_sweep_finishes_an_interrupted_deletion(storage, settings):
    stage = published(storage)
    left = settings.results / f".deleting-{stage.id}"
    (settings.results / stage.id).rename(left)
    storage.sweep()
    assert everything(settings) == []


def test_writing_into_a_folder_does_not_make_it_younger(storage, settings, clock):
    stage = storage.stage()
    clock.now += settings.retention
    (stage.folder / "frame-000.jpg").write_bytes(b"late")
    assert storage.sweep() == 1


def test_many_sweeps_at_once_never_fail(settings, clock):
    storages = [Storage(settings, clock) for _ in range(8)]
    storages[0].prepare()
    for _ in range(40):
        published(storages[0])
        storages[0].receive().close()
    clock.now += settings.retention
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(Storage.sweep, storages)) >= 80
    assert everything(settings) == []


def test_too_little_space_is_refused(make_settings):
    storage = Storage(make_settings(min_free_mb=10**9))
    storage.prepare()
    with pytest.raises(StorageFull):
        storage.check_space()


def test_a_report_that_the_disk_lost_is_none(storage, settings):
    stage = published(storage)
    (settings.results / stage.id / "report.json").write_text("")
    with pytest.raises(NotFound):
        storage.report(stage.id)
    assert everything(settings) == []


def test_what_cannot_be_noted_is_deleted_all_the_same(storage, settings):
    stage = published(storage)
    notes = storage._deleted
    if notes.exists():
        notes.rmdir()
    notes.write_text("in the way, as a full disk would be")
    storage.delete(stage.id)
    assert everything(settings) == []
