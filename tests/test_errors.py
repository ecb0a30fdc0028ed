from stilo.errors import BundleError, ReadError


def test_what_a_file_says_stays_one_line():
    error = ReadError("a\nb.mid", 'has a metre "M:4/4\x01L:\x1b[2J" that is none')
    assert str(error) == 'a b.mid: has a metre "M:4/4 L: [2J" that is none'
    assert error.reason.isprintable()
    assert str(BundleError("a.stilo", "is “broken”")) == "a.stilo: is “broken”"
