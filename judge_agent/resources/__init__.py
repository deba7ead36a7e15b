"""Files that requests name: uploaded blobs and the operator's root."""

from judge_agent.resources.blobs import BlobFiles, BlobTooLarge, QuotaExceeded, Upload
from judge_agent.resources.checking import check_resources
from judge_agent.resources.files import FileResources

__all__ = ["BlobFiles", "BlobTooLarge", "FileResources", "QuotaExceeded", "Upload", "check_resources"]
