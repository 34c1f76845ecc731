"""How tests are spread: the list of what is dear to start names what there is."""

from pathlib import Path

import pytest

from tests.spread import LABS, LONGEST, unit

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", sorted({*LABS, *LONGEST}))
def test_units_that_begin_first_are_there(name: str) -> None:
    assert (ROOT / name).exists()
    assert unit(f"{name}::test_one") == name


def test_nothing_sorts_after_the_spreading(pytestconfig: pytest.Config) -> None:
    hooks = pytestconfig.hook.pytest_collection_modifyitems.get_hookimpls()

    assert [hook.function.__module__ for hook in hooks if hook.trylast and hook.plugin_name.startswith("tests")] == [
        "tests.spread"
    ]
    assert not [hook for hook in hooks if hook.trylast and hook.plugin_name.endswith("conftest.py")]
