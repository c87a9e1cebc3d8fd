"""The bar in the last line of a terminal."""

import os
import pty
import subprocess
import sys
import time

import pytest

from catscan.flow.bar import text

DRAWS = """
import time
from catscan.flow.bar import Bar
bar = Bar(lambda: (0.25, "4 of 16 jobs"))
bar.start()
time.sleep(0.7)
print("a line of a job", flush=True)
bar.stop()
"""


def seen_on_a_terminal() -> str:
    """All that the script writes, the terminal's codes included."""
    ours, its = pty.openpty()
    os.set_blocking(ours, False)
    environment = {**os.environ, "LINES": "24", "COLUMNS": "80"}
    done = subprocess.Popen([sys.executable, "-c", DRAWS], stdout=its, stderr=its, env=environment)
    os.close(its)
    heard, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        try:
            heard += os.read(ours, 4096)
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert done.wait(timeout=30) == 0
    return heard.decode()


def test_it_stands_in_the_last_line_and_all_else_scrolls_above() -> None:
    seen = seen_on_a_terminal()

    assert "\033[1;23r" in seen  # the lines that scroll
    assert "\033[24;1H\033[K[#####               ] 4 of 16 jobs" in seen
    assert "a line of a job" in seen
    assert seen.rindex("\033[r") > seen.rindex("a line of a job")  # the last line is given back


def test_where_there_is_no_terminal_nothing_is_drawn() -> None:
    done = subprocess.run([sys.executable, "-c", DRAWS], capture_output=True, text=True, check=True)

    assert done.stderr == ""


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_it_is_never_wider_than_the_terminal(columns: int) -> None:
    assert len(text(0.5, "words " * 50, columns)) == columns - 1
