"""Ask S3 for less than Snakemake's plugin does: that asks ten times a job for each file, each time over the network.

A plan needs one list of the run's objects. Of an object that nobody but this process writes, what was told of it stays
true until this process writes it; that no output of this workflow is a folder, and that the bucket is there, is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catscan.common.errors import CatscanError
from catscan.flow import remote


def use(workflow: Any) -> None:
    """Have this run ask for less, where its results lie in S3."""
    if workflow.storage_settings.default_storage_provider != "s3":
        return
    from snakemake_interface_storage_plugins.io import Mtime
    from snakemake_storage_plugin_s3 import StorageObject

    s3obj, exists = StorageObject.s3obj, StorageObject.exists
    parent_of, store = StorageObject.get_inventory_parent, StorageObject.store_object
    prefix, objects, buckets = remote.prefix_of(workflow), dict[str, Any](), set[str]()

    def known_object(self: Any) -> Any:
        if workflow.is_main_process and not workflow.local_exec:  # other machines' jobs write
            return s3obj(self)
        return objects.setdefault(self.query, s3obj(self))

    def is_known_to_exist(self: Any) -> bool:
        return self.s3obj().meta.data is not None or exists(self)

    def is_bucket_there(self: Any) -> bool:
        if self.bucket not in buckets and _answers_for(self, self.bucket):
            buckets.add(self.bucket)
        return self.bucket in buckets

    def changing(change: Callable[[Any], Any]) -> Callable[[Any], None]:
        def changed(self: Any) -> None:
            objects.pop(self.query, None)
            change(self)
            objects.pop(self.query, None)

        return changed

    def parent_in_run(self: Any) -> Any:
        return prefix if self.query.startswith(prefix) else parent_of(self)

    async def list_run(self: Any, cache: Any) -> None:
        listed = cache.exists_in_storage.has_inventory
        if not self.query.startswith(prefix) or prefix in listed:
            return
        listed.add(prefix)
        if self.bucket_exists():
            below = prefix.removeprefix(f"s3://{self.bucket}/")
            for found in self.s3bucket().objects.filter(Prefix=below):
                key = self.cache_key(self._local_suffix_from_key(found.key))
                cache.mtime[key] = Mtime(storage=found.last_modified.timestamp())
                cache.size[key] = found.size
                cache.exists_in_storage[key] = True

    StorageObject.s3obj, StorageObject.exists = known_object, is_known_to_exist
    StorageObject.bucket_exists, StorageObject.is_dir = is_bucket_there, lambda _: False
    StorageObject.store_object = changing(store)
    StorageObject.remove = changing(lambda self: s3obj(self).delete())  # the plugin's own removes an empty bucket, too
    StorageObject.get_inventory_parent, StorageObject.inventory = parent_in_run, list_run


def _answers_for(one: Any, bucket: str) -> bool:
    """Whether S3 has the bucket; the plugin takes any failure for no bucket, and all that was made for missing.

    Raises
    ------
    CatscanError
        When it does not answer, or lets nobody in with these keys.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        one.provider.s3c.meta.client.head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "404":
            return False
        raise CatscanError(
            "S3 does not give the bucket.",
            where=f"s3://{bucket}",
            found=str(error),
            do="Check the bucket's name, the keys (SNAKEMAKE_STORAGE_S3_ACCESS_KEY and _SECRET_KEY, or ~/.aws) and,\n"
            "of a server other than Amazon's, SNAKEMAKE_STORAGE_S3_ENDPOINT_URL.",
        ) from error
    return True
