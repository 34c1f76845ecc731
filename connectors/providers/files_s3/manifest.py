"""What a person sees and fills in for files in an S3-compatible store."""

from __future__ import annotations

from connectors.file_sources.s3 import BEFORE_HOST, IN_PATH
from connectors.file_sources.settings import FIELDS
from connectors.providers.manifest import Advice, Field, Manifest, SignIn

_ACCESS_KEY = Field("access_key", "Access key", "Of a user that may only list and read the bucket.")
_SECRET_KEY = Field("secret_key", "Secret key", type="password", is_secret=True)

MANIFEST = Manifest(
    kind="files_s3",
    name="S3-compatible store",
    tile="S3",
    tile_hue=2,
    category="Files",
    description="CSV, JSON lines and Parquet files of a bucket; new and changed files only.",
    auth_method="Access key",
    integration_type="files",
    fields=(
        Field(
            "endpoint",
            "Address",
            "Of the store, such as https://s3.example.com. Empty for Amazon's own in the region.",
            type="url",
            required=False,
            by_operator=True,
        ),
        Field("region", "Region", default="us-east-1", required=False, by_operator=True),
        Field("bucket", "Bucket", names_entity=True, by_operator=True),
        Field(
            "prefix",
            "Prefix",
            "Only what lies below it, such as exports/daily.",
            type="path",
            required=False,
            names_entity=True,
            by_operator=True,
        ),
        Field(
            "addressing",
            "The bucket's name stands",
            "Amazon's newer regions want it before the host, most other stores in the address.",
            type="choice",
            default=IN_PATH,
            choices=(IN_PATH, BEFORE_HOST),
            labels=("In the address", "Before the host"),
            by_operator=True,
        ),
        _ACCESS_KEY,
        _SECRET_KEY,
        *FIELDS,
    ),
    multi_entity=True,
    entity_word="folder",
    guide=(
        Advice("Make a user for Patchbay alone, so that its key can be withdrawn without harm to others."),
        Advice(
            "Let it list and read the bucket, nothing else",
            '{"Effect": "Allow",\n "Action": ["s3:ListBucket",\n  "s3:GetObject"],\n'
            ' "Resource": ["arn:aws:s3:::BUCKET",\n  "arn:aws:s3:::BUCKET/*"]}',
        ),
    ),
    sign_ins=(
        SignIn(
            "api_key", "Access key", (_ACCESS_KEY, _SECRET_KEY), "One that may only list and read the bucket is enough."
        ),
    ),
)
