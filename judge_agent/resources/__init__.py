"""Files that requests name: uploaded blobs and the operator's root."""

from judge_agent.resources.blobs import BlobFiles, BlobTooLarge, Upload
from judge_agent.resources.checking import check_resources
from judge_agent.resources.files import FileResources
from judge_agent.resources.quota import QuotaExceeded

__all__ = ["BlobFiles", "BlobTooLarge", "FileResources", "QuotaExceeded", "Upload", "check_resources"]
