"""``failed drop``: records removed for good, after a look at them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from localcloud.faults import Fault, FaultKind
from tests.failed_command.world import PREFIX, World, failure_record
from tests.localcloud.ram_world import allow
from tests.user import flat


def test_records_are_dropped_after_the_user_agrees(world: World) -> None:
    stays = world.keep("t-1", error="Throttled")
    for number in range(3):
        world.keep(f"t-{number}", error="TaskNotFound", ago=timedelta(days=8))
    options = ("--error", "TaskNotFound", "--older-than", "7d")
    dry = world.run("drop", *options, "--dry-run")
    assert (dry.exit_code, len(world.names())) == (0, 4)
    assert "3 TaskNotFound" in flat(dry)
    refused = world.run("drop", *options, stdin="n\n")
    assert (refused.exit_code, len(world.names())) == (1, 4)
    assert "Drop 3 records?" in refused.output
    agreed = world.run("drop", *options, stdin="y\n")
    assert (agreed.exit_code, world.names()) == (0, [stays])
    assert "3 records dropped." in agreed.output
    assert world.calls("InvokeFunction") == 0


def test_everything_is_only_dropped_where_that_is_said(world: World) -> None:
    world.keep()
    assert "Say which records to drop, or --all." in world.run("drop", "--yes").output
    both = world.run("drop", "--yes", "--all", "--error", "Throttled")
    assert both.exit_code == 2
    assert "leave it out, or the conditions" in flat(both)
    assert len(world.names()) == 1
    assert world.run("drop", "--yes", "--all").exit_code == 0
    assert world.names() == []
    assert world.run("drop", "--yes", "--all").exit_code == 0


def test_what_cannot_be_read_is_only_dropped_by_its_name(world: World) -> None:
    world.put(f"{PREFIX}/2026-11-22/1-2.json", b"no record")
    world.put(f"{PREFIX}/notes.txt", b"of somebody else")
    kept = world.run("drop", "--yes", "--all")
    assert kept.exit_code == 1
    assert "1 record left out: cannot be read; name them to drop them." in kept.output
    assert world.run("drop", "--yes", "2026-11-22/1-2").exit_code == 0
    assert world.names() == ["notes.txt"]


def test_a_record_that_was_changed_since_the_plan_is_not_dropped(world: World) -> None:
    world.keep(request_id="1-2")
    world.first_read(failure_record(b"{}", request_id="1-2"), "OLD")
    result = world.run("drop", "--yes", "--all")
    assert result.exit_code == 1
    assert "1 record stays:" in result.output
    assert len(world.names()) == 1


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.ERROR, 1), (FaultKind.RESET_AFTER, 0)])
def test_one_that_cannot_be_removed_now_stays_for_the_next_time(
    world: World, kind: FaultKind, status: int
) -> None:
    for number in range(3):
        world.keep(f"t-{number}")
    world.break_call(Fault(kind, action="DeleteObject", status=409, code="Conflict"))
    assert world.run("drop", "--yes", "--all").exit_code == status
    assert len(world.names()) == status


def test_a_permission_that_lacks_is_named(world: World) -> None:
    world.keep()
    world.keys = world.caller(allow(["oss:ListObjects", "oss:GetObject"]))
    result = world.run("drop", "--yes", "--all")
    assert result.exit_code == 2
    assert "the action oss:DeleteObject" in flat(result)
    assert len(world.names()) == 1
