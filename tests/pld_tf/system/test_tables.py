from pld_tf.system.tables import text_table


def test_a_table_is_the_same_on_every_terminal(monkeypatch):
    rows = [("word", "x" * 300, "[bold]:smile:"), ("longer word", "", "2")]
    plain = text_table(rows, head=("a", "b", "c"), right=[2])
    for name, value in (("COLUMNS", "20"), ("FORCE_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert text_table(rows, head=("a", "b", "c"), right=[2]) == plain
    assert plain.splitlines() == [
        f"a            b{' ' * 299}{'c':>15}",
        f"word         {'x' * 300}  [bold]:smile:",
        f"longer word  {' ' * 300}  {'2':>13}",
    ]


def test_wide_letters_take_two_columns():
    assert text_table([("はい", "1"), ("yes", "2")]) == "はい  1\nyes   2"


def test_a_table_without_rows_is_its_head_or_nothing():
    assert text_table([], head=("a", "b")) == "a  b"
    assert text_table([]) == ""
