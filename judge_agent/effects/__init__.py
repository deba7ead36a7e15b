"""What a tool of the agent's world does to its records, declared as data: expressions and operations.

Nothing of it is code that runs here: expressions are read into trees of a few known kinds, and `tools/states`
evaluates them over JSON within limits.
"""

from judge_agent.effects.expressions import Expression as Expression
from judge_agent.effects.expressions import NotAnExpression as NotAnExpression
from judge_agent.effects.expressions import read_expression as read_expression
from judge_agent.effects.operations import Append as Append
from judge_agent.effects.operations import Drop as Drop
from judge_agent.effects.operations import Expect as Expect
from judge_agent.effects.operations import For as For
from judge_agent.effects.operations import If as If
from judge_agent.effects.operations import Increase as Increase
from judge_agent.effects.operations import Insert as Insert
from judge_agent.effects.operations import Let as Let
from judge_agent.effects.operations import Operation as Operation
from judge_agent.effects.operations import Remove as Remove
from judge_agent.effects.operations import Require as Require
from judge_agent.effects.operations import Result as Result
from judge_agent.effects.operations import Set as Set
from judge_agent.effects.operations import read_operations as read_operations
