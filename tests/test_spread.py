"""How tests are spread: the list of what is dear to start names what there is."""

from pathlib import Path

import pytest

from tests.spread import LABS, LONGEST, unit

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", sorted({*LABS, *LONGEST}))
def test_units_that_begin_first_are_there(name: str) -> None:
    assert (ROOT / name).exists()
    assert unit(f"{name}::test_one") == name
