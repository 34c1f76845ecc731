from tests.browser import window
def test_shots(live_server, operator, browser):
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            with window(browser, operator, f"{live_server.url}/destinations/new/", viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
                page.screenshot(path=f"/tmp/shots/kinds-{width}-{scheme}.png", full_page=True)
                for kind in ("parquet", "parquet_s3", "snowflake", "bigquery"):
                    page.goto(f"{live_server.url}/destinations/new/?kind={kind}")
                    page.screenshot(path=f"/tmp/shots/{kind}-{width}-{scheme}.png", full_page=True)
