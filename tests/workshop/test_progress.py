"""Progress of a part of the work."""

from stilo.workshop.progress import part_of


def test_a_part_of_progress_stays_inside_its_part(told):
    part_of(told.progress, 0.5, 0.75)("x", 2.0)
    part_of(told.progress, 0.5, 0.75)("x", -1.0)
    assert told.shares == [0.75, 0.5]
