from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from connectors.sandbox import shop
from tests.connectors.conftest import database_url

DATABASE = "engine_shop"
READER = "engine_shop_reader"
PASSWORD = "shop-password-4711"
TABLES = ("customers", "products", "orders", "order_items")
DIGEST = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t"


def make(orders: int = 300) -> None:
    shop.create_shop(
        database_url("postgres"), database=DATABASE, reader=READER, reader_password=PASSWORD, orders=orders
    )


def digests() -> dict[str, Any]:
    with psycopg.connect(database_url(DATABASE)) as connection:
        return {name: connection.execute(sql.SQL(DIGEST).format(sql.Identifier(name))).fetchone() for name in TABLES}


def test_the_shop_is_the_same_each_time_and_made_good_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    first = digests()

    with monkeypatch.context() as patch:
        patch.setattr(shop, "_TOTALS", "SELECT broken_off")
        with pytest.raises(psycopg.Error):
            make(orders=301)
    make()

    assert digests() == first
    assert [first[name][0] for name in TABLES[:3]] == [shop.CUSTOMERS, shop.PRODUCTS, 300]
    assert 600 < first["order_items"][0] < 900


def test_a_complete_shop_stays_as_it_is() -> None:
    make()
    with psycopg.connect(database_url(DATABASE)) as connection:
        connection.execute("UPDATE customers SET note = 'kept' WHERE id = 1")

    make()

    with psycopg.connect(database_url(DATABASE)) as connection:
        assert connection.execute("SELECT note FROM customers WHERE id = 1").fetchone() == ("kept",)


def test_the_reader_reads_and_changes_nothing() -> None:
    make()
    with psycopg.connect(database_url(DATABASE), user=READER, password=PASSWORD, autocommit=True) as reader:
        totals = reader.execute("SELECT count(*) FROM orders WHERE total <= 0").fetchone()
        for statement in ("DELETE FROM orders", "CREATE TABLE mine (id int)", "UPDATE customers SET note = ''"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement.encode())

    assert totals == (0,)
