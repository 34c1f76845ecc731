"""Files that people uploaded for a connection whose sync waits for them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from connectors.ids import new_id
from connectors.models.connection import Connection
from connectors.models.entity import Entity, EntityQuerySet
from connectors.models.table import Table


class UploadStatus(models.TextChoices):
    """What became of a file. `replaced` is one that a newer one took the place of before it was loaded."""

    WAITING = "waiting", "Being checked"
    CHECKED = "checked", "Checked"
    REFUSED = "refused", "Refused"
    LOADED = "loaded", "Loaded"
    REPLACED = "replaced", "Replaced"


# A file of these was good once, so that the first set was there.
GOOD = (UploadStatus.CHECKED, UploadStatus.LOADED, UploadStatus.REPLACED)


class UploadQuerySet(models.QuerySet["Upload"]):
    """Reads of uploads."""

    def for_list(self) -> UploadQuerySet:
        """All that a row of a list shows, newest first, in one query."""
        return self.select_related("uploaded_by", "entity").order_by("-pk")

    def of_visit(self, session_id: UUID) -> UploadQuerySet:
        """Those of one end user's session, whether or not he has sent them."""
        return self.filter(session_id=session_id)

    def unsent(self) -> UploadQuerySet:
        """Those that an end user has not sent yet: no connection has them."""
        return self.filter(connection=None)

    def ready(self) -> UploadQuerySet:
        """Those that were found good and wait to be loaded."""
        return self.filter(status=UploadStatus.CHECKED)

    def newest(self) -> UploadQuerySet:
        """The newest one of each entity's tables."""
        return self.order_by("entity", "table", "-pk").distinct("entity", "table")


class Upload(models.Model):
    """One file that somebody uploaded. Its content lies in a folder of ours under its ID, until `removed_at`.

    An end user's file belongs to his session, and has no connection before he sends it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="uploads")
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, null=True, blank=True, related_name="uploads")
    # The table that it becomes, which names the file that was awaited.
    table = models.CharField(max_length=200)
    # As the person's device called it: shown, and never a part of a path.
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=10, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=UploadStatus, default=UploadStatus.WAITING)
    # Why it was refused, in a sentence for whoever uploaded it, and the line where there is one.
    reason = models.TextField(blank=True)
    line = models.PositiveBigIntegerField(null=True, blank=True)
    encoding = models.CharField(max_length=20, blank=True)
    rows = models.PositiveBigIntegerField(null=True, blank=True)
    # The columns of its table with their types: those of earlier files, then new ones. A later file is held to them.
    columns = models.JSONField(default=list, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The end user's session and his name, where a link led to it.
    session_id = models.UUIDField(null=True, blank=True)
    end_user_name = models.CharField(max_length=200, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    loaded_at = models.DateTimeField(null=True, blank=True)
    # The job that loads it, or has loaded it.
    job_id = models.UUIDField(null=True, blank=True)
    # Since then its content is gone; what is told of it stays.
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=UploadStatus.values), name="upload_status_known"),
            models.CheckConstraint(
                condition=Q(connection__isnull=False, entity__isnull=False) | Q(session_id__isnull=False),
                name="upload_somebodys",
            ),
            models.CheckConstraint(
                condition=~Q(status="loaded") | Q(job_id__isnull=False, loaded_at__isnull=False),
                name="upload_loaded_by_a_job",
            ),
        )
        indexes = (
            models.Index("connection", "id", name="upload_by_connection"),
            models.Index("entity", "table", "id", name="upload_by_file"),
            models.Index(fields=["session_id"], condition=Q(session_id__isnull=False), name="upload_by_session"),
            models.Index(fields=["job_id"], condition=Q(job_id__isnull=False), name="upload_by_job"),
            models.Index(fields=["uploaded_at"], condition=Q(removed_at=None), name="upload_kept"),
        )

    def __str__(self) -> str:
        return self.name


def with_whole_set(entities: EntityQuerySet, statuses: Collection[str]) -> EntityQuerySet:
    """Those of whose chosen tables each has an upload of one of `statuses`, and that have chosen tables."""
    delivered = Upload.objects.filter(
        entity=OuterRef(OuterRef("pk")), table=OuterRef("name"), status__in=list(statuses)
    )
    chosen = Table.objects.filter(connection=OuterRef("connection"), is_selected=True)
    return entities.filter(Exists(chosen), ~Exists(chosen.exclude(Exists(delivered))))
