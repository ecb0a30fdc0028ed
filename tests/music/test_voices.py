from itertools import pairwise

from stilo.music.voices import MAX_VOICES, Head, split_hands, voices_of


def assert_nothing_overlaps(voices):
    for voice in voices:
        for before, after in pairwise(voice):
            assert before.end <= after.start
        assert all(head.end == chord.end and head.start == chord.start for chord in voice for head in chord.heads)


def test_what_begins_and_ends_together_is_a_chord():
    voices = voices_of([Head(0, 24, 60, 80), Head(0, 24, 64, 80), Head(24, 48, 62, 80), Head(0, 24, 60, 70)])
    assert [[(c.start, [h.pitch for h in c.heads]) for c in voice] for voice in voices] == [[(0, [60, 64]), (24, [62])]]
    assert voices_of([]) == []


def test_a_voice_keeps_its_number_through_rests():
    # The lower voice goes on alone after the upper one has ended.
    heads = [Head(0, 24, 76, 80), Head(0, 48, 52, 80), Head(48, 72, 53, 80), Head(72, 96, 77, 80), Head(72, 84, 50, 80)]
    upper, lower = voices_of(heads)
    assert [c.heads[0].pitch for c in lower] == [52, 53, 50]
    assert [c.heads[0].pitch for c in upper] == [76, 77]


def test_more_voices_than_a_staff_holds_are_cut_short():
    heads = [Head(6 * k, 96, 40 + 5 * k, 80, tied_on=True) for k in range(8)]
    voices = voices_of(heads)
    assert len(voices) == MAX_VOICES
    assert_nothing_overlaps(voices)
    assert sum(len(voice) for voice in voices) == 8
    shortened = [head for head in heads if head.end < 96]
    assert len(shortened) == 4
    assert not any(head.tied_on for head in shortened)


def test_more_chords_at_once_than_voices_share_the_last_one():
    heads = [Head(0, 12 * (k + 1), 40 + 5 * k, 80) for k in range(6)]
    voices = voices_of(heads)
    assert_nothing_overlaps(voices)
    assert sorted(head.pitch for voice in voices for chord in voice for head in chord.heads) == [40, 45, 50, 55, 60, 65]


def test_hands_do_not_stretch_or_cross():
    chord = [36, 43, 48, 60, 64, 67]
    assert split_hands([0] * 6, chord) == [1, 1, 1, 0, 0, 0]
    melody_over_bass = [72, 40, 74, 41, 76, 43]
    assert split_hands([0, 0, 24, 24, 48, 48], melody_over_bass) == [0, 1] * 3
    assert split_hands([], []) == []
