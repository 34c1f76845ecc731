"""A believable web shop in a Postgres database, to connect to: customers, products, orders and their lines.

Every value follows from its row number by hashing, so the same call makes the same rows on every machine.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any, LiteralString

import psycopg
from psycopg import sql

CUSTOMERS = 8_000
PRODUCTS = 600
# The comment of the database, set last: it says that the shop is complete.
_COMPLETE = "Patchbay demo shop, complete, {orders} orders"

# A number from 0 (included) to `below`, from a row number and a word: even, repeatable, the same everywhere.
_DRAW: LiteralString = """
    CREATE FUNCTION pg_temp.draw(below int, n bigint, word text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashint8extended(n, hashtextextended(word, 7)) & 2147483647) % below
"""

_TYPES: LiteralString = """
    CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'returned', 'cancelled')
"""

_TABLES: LiteralString = """
    CREATE TABLE customers (
        id bigint PRIMARY KEY, email text NOT NULL UNIQUE, first_name text NOT NULL, last_name text NOT NULL,
        country char(2) NOT NULL, is_business boolean NOT NULL, tags text[] NOT NULL, note text,
        born_on date, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
    );
    CREATE TABLE products (
        id bigint PRIMARY KEY, sku uuid NOT NULL UNIQUE, name text NOT NULL, category text NOT NULL,
        price numeric(10, 2) NOT NULL, weight_kg numeric NOT NULL, attributes jsonb NOT NULL,
        is_active boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
    );
    CREATE TABLE orders (
        id bigint PRIMARY KEY, reference uuid NOT NULL, customer_id bigint NOT NULL REFERENCES customers,
        status order_status NOT NULL, total numeric(12, 2) NOT NULL DEFAULT 0, currency char(3) NOT NULL,
        shipping_address jsonb NOT NULL, gift_message text, placed_at timestamptz NOT NULL,
        delivered_on date, updated_at timestamptz NOT NULL
    );
    CREATE TABLE order_items (
        order_id bigint NOT NULL REFERENCES orders, line smallint NOT NULL,
        product_id bigint NOT NULL REFERENCES products, quantity integer NOT NULL, unit_price numeric(10, 2) NOT NULL,
        discount real, updated_at timestamptz NOT NULL, PRIMARY KEY (order_id, line)
    )
"""

_CUSTOMERS: LiteralString = """
    INSERT INTO customers
    SELECT n, lower(first || '.' || last || n || '@example.com'), first, last, country, pg_temp.draw(9, n, 'biz') = 0,
        CASE pg_temp.draw(4, n, 'tags') WHEN 0 THEN ARRAY['newsletter', 'vip'] WHEN 1 THEN ARRAY['newsletter']
            ELSE '{}' END,
        CASE pg_temp.draw(12, n, 'note') WHEN 0 THEN E'Rings twice.\\nLeave it with the “neighbour”.' WHEN 1 THEN ''
            END,
        CASE WHEN pg_temp.draw(3, n, 'born') > 0 THEN date '1950-01-01' + pg_temp.draw(19000, n, 'day') END,
        made, made + pg_temp.draw(300, n, 'touched') * interval '1 day'
    FROM (
        SELECT n, %(first)s::text[] AS firsts, %(last)s::text[] AS lasts, %(country)s::text[] AS countries,
            timestamptz '2023-01-01 00:00+00' + pg_temp.draw(63000000, n, 'made') * interval '1 second' AS made
        FROM generate_series(1, %(customers)s) AS n
    ) AS numbered
    CROSS JOIN LATERAL (
        SELECT firsts[1 + pg_temp.draw(cardinality(firsts), n, 'first')] AS first,
            lasts[1 + pg_temp.draw(cardinality(lasts), n, 'last')] AS last,
            countries[1 + pg_temp.draw(cardinality(countries), n, 'country')] AS country
    ) AS named
"""

_PRODUCTS: LiteralString = """
    INSERT INTO products
    SELECT n, md5('product ' || n)::uuid,
        adjectives[1 + pg_temp.draw(cardinality(adjectives), n, 'adjective')] || ' '
            || nouns[1 + pg_temp.draw(cardinality(nouns), n, 'noun')] || ' ' || (100 + n),
        categories[1 + pg_temp.draw(cardinality(categories), n, 'category')],
        (300 + pg_temp.draw(25000, n, 'price')) / 100.0, (50 + pg_temp.draw(9000, n, 'weight')) / 1000.0,
        jsonb_build_object('colour', colours[1 + pg_temp.draw(cardinality(colours), n, 'colour')],
            'sizes', to_jsonb(ARRAY['S', 'M', 'L']), 'recycled', pg_temp.draw(2, n, 'recycled') = 1),
        pg_temp.draw(10, n, 'active') > 0, timestamptz '2023-01-01 00:00+00',
        timestamptz '2026-01-01 00:00+00' + pg_temp.draw(20000000, n, 'touched') * interval '1 second'
    FROM generate_series(1, %(products)s) AS n,
        (SELECT %(adjective)s::text[] AS adjectives, %(noun)s::text[] AS nouns, %(category)s::text[] AS categories,
            %(colour)s::text[] AS colours) AS words
"""

_ORDERS: LiteralString = """
    INSERT INTO orders
    SELECT n, md5('order ' || n)::uuid, 1 + pg_temp.draw(%(customers)s, n, 'customer'),
        (ARRAY['placed', 'paid', 'shipped', 'delivered', 'delivered', 'delivered', 'returned', 'cancelled'])
            [1 + pg_temp.draw(8, n, 'status')]::order_status,
        0, (ARRAY['EUR', 'EUR', 'EUR', 'GBP', 'SEK', 'PLN'])[1 + pg_temp.draw(6, n, 'currency')],
        jsonb_build_object('street', streets[1 + pg_temp.draw(cardinality(streets), n, 'street')] || ' '
            || 1 + pg_temp.draw(120, n, 'number'), 'postcode', lpad(pg_temp.draw(99999, n, 'postcode')::text, 5, '0'),
            'city', cities[1 + pg_temp.draw(cardinality(cities), n, 'city')]),
        CASE WHEN pg_temp.draw(15, n, 'gift') = 0 THEN 'Happy birthday, "little" one, and many more!' END,
        placed, CASE WHEN pg_temp.draw(8, n, 'status') BETWEEN 3 AND 6 THEN (placed + interval '4 days')::date END,
        placed + pg_temp.draw(400000, n, 'touched') * interval '1 second'
    FROM (
        SELECT n, %(street)s::text[] AS streets, %(city)s::text[] AS cities,
            timestamptz '2024-06-01 00:00+00'
                + (n * 75000000.0 / %(orders)s + pg_temp.draw(1000, n, 'placed')) * interval '1 second' AS placed
        FROM generate_series(1, %(orders)s) AS n
    ) AS numbered
"""

_ITEMS: LiteralString = """
    INSERT INTO order_items
    SELECT o.id, line, p.id, 1 + pg_temp.draw(4, o.id * 10 + line, 'quantity'), p.price,
        CASE WHEN pg_temp.draw(5, o.id * 10 + line, 'discount') = 0 THEN 0.1 END, o.updated_at
    FROM orders AS o
    CROSS JOIN LATERAL generate_series(1, 1 + pg_temp.draw(4, o.id, 'lines')) AS line
    JOIN products AS p ON p.id = 1 + pg_temp.draw(%(products)s, o.id * 10 + line, 'product');
"""

_TOTALS: LiteralString = """
    UPDATE orders SET total = sums.total
    FROM (SELECT order_id, sum(quantity * unit_price) AS total FROM order_items GROUP BY order_id) AS sums
    WHERE sums.order_id = orders.id
"""

_WORDS: dict[str, list[str]] = {
    "first": ["Ana", "Björn", "Chloé", "Dilan", "Elif", "Frida", "Giulia", "Hugo", "Inès", "Jakub", "Kasia", "Łukasz",
              "Maja", "Noah", "Olga", "Piotr", "Ronja", "Søren", "Tomás", "Zoë"],
    "last": ["Andersson", "Bianchi", "Costa", "Dubois", "Evans", "Fischer", "García", "Hoffmann", "Ivanova", "Jensen",
             "Kowalska", "Lindqvist", "Müller", "Nowak", "O'Brien", "Petit", "Rossi", "Schäfer", "Taylor", "Virtanen"],
    "country": ["DE", "FR", "GB", "SE", "PL", "IT", "ES", "NL", "FI", "DK"],
    "adjective": ["Alpine", "Classic", "Compact", "Everyday", "Foldable", "Light", "Quiet", "Sturdy", "Warm", "Wild"],
    "noun": ["Backpack", "Bottle", "Hammock", "Jacket", "Lantern", "Rope", "Sleeping Bag", "Stove", "Tent", "Towel"],
    "category": ["Camping", "Clothing", "Climbing", "Cooking", "Travel"],
    "colour": ["amber", "forest", "graphite", "ocean", "sand"],
    "street": ["Bahnhofstraße", "Church Lane", "Rue de la Paix", "Storgatan", "ul. Długa", "Via Roma"],
    "city": ["Berlin", "Göteborg", "Kraków", "Lyon", "Milano", "Sheffield", "Turku", "Zürich"],
}  # fmt: skip


def create_shop(admin_url: str, *, database: str, reader: str, reader_password: str, orders: int = 50_000) -> None:
    """Make sure that `database` holds the whole shop and that the role `reader` may read it with that password.

    `admin_url` names any database of a server where the user may create databases and roles. A shop that is there
    and complete stays; one that a crash left half-made is dropped first. Raises `psycopg.Error`.
    """
    with closing(psycopg.connect(admin_url, autocommit=True)) as admin:
        _ensure_reader(admin, reader, reader_password)
        complete = _COMPLETE.format(orders=orders)
        if _comment_of(admin, database) != complete:
            name = sql.Identifier(database)
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
            _fill(admin_url, database, orders)
            admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(complete)))
    _allow_reading(admin_url, database, reader)


def _fill(admin_url: str, database: str, orders: int) -> None:
    values: dict[str, Any] = {**_WORDS, "customers": CUSTOMERS, "products": PRODUCTS, "orders": orders}
    # The data can be made again at any time, so a commit need not wait for the disk.
    with psycopg.connect(admin_url, dbname=database, options="-c synchronous_commit=off") as connection:
        for statement in (_DRAW, _TYPES, _TABLES):
            connection.execute(statement)
        for statement in (_CUSTOMERS, _PRODUCTS, _ORDERS, _ITEMS, _TOTALS):
            connection.execute(statement, values)
        connection.execute("ANALYZE")


def _ensure_reader(admin: psycopg.Connection[Any], reader: str, password: str) -> None:
    known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (reader,)).fetchone()
    verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
    admin.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(reader), sql.Literal(password)))


def _comment_of(admin: psycopg.Connection[Any], database: str) -> str | None:
    row = admin.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (database,)
    ).fetchone()
    return row[0] if row else None


def _allow_reading(admin_url: str, database: str, reader: str) -> None:
    role, name = sql.Identifier(reader), sql.Identifier(database)
    with psycopg.connect(admin_url, dbname=database) as connection:
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, role))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(role))
