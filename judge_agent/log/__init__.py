"""The audit log: append-only, hash-chained JSONL that can be verified, read, queried and redacted.

A folder holds, per writer and segment, `<writer>-<segment>.jsonl` (the chain: facts, and salted hashes of
the content) and `<writer>-<segment>.contents` (the texts themselves, with their salts). Files are 0600,
the folder is 0700. The chain shows tampering by whoever cannot also change the database that holds its
heads; it does not stop anybody from deleting everything.
"""

from judge_agent.log.account import show as show
from judge_agent.log.heads import Head as Head
from judge_agent.log.heads import heads_in as heads_in
from judge_agent.log.memory import MemoryLog as MemoryLog
from judge_agent.log.reading import Event as Event
from judge_agent.log.reading import read as read
from judge_agent.log.redaction import redact as redact
from judge_agent.log.segment_check import LogProblem as LogProblem
from judge_agent.log.told import ToldLog as ToldLog
from judge_agent.log.verification import Report as Report
from judge_agent.log.verification import verify as verify
from judge_agent.log.writer import AuditLogWriter as AuditLogWriter
