"""What the judge can do: one tool per file, each given its box. Write the file, add the name."""

from tools.browse import Browse as Browse
from tools.calculate import Calculate as Calculate
from tools.calendar import Calendar as Calendar
from tools.check_citations import CheckCitations as CheckCitations
from tools.check_state import CheckState as CheckState
from tools.check_text import CheckText as CheckText
from tools.check_tool_calls import CheckToolCalls as CheckToolCalls
from tools.compare_images import CompareImages as CompareImages
from tools.crop_image import CropImage as CropImage
from tools.grep_spans import GrepSpans as GrepSpans
from tools.list_spans import ListSpans as ListSpans
from tools.lookup import Lookup as Lookup
from tools.match_tool_calls import MatchToolCalls as MatchToolCalls
from tools.measure_image import MeasureImage as MeasureImage
from tools.open_span import OpenSpan as OpenSpan
from tools.query_sql import QuerySql as QuerySql
from tools.read_image import ReadImage as ReadImage
from tools.read_page import ReadPage as ReadPage
from tools.render_compare import RenderCompare as RenderCompare
from tools.run_python import RunPython as RunPython
from tools.run_tests import RunTests as RunTests
from tools.search import Search as Search
from tools.solve import Solve as Solve

TOOLS = (CheckToolCalls, MatchToolCalls, Calendar, Lookup, ListSpans, GrepSpans, OpenSpan)
BOXED_TOOLS = (RunTests, RunPython, Calculate, CheckText, Solve)
# Given the box, and the files that requests name.
RESOURCE_TOOLS = (QuerySql, CheckState, CropImage, ReadImage, CompareImages, MeasureImage, RenderCompare)
# Given the browser's box, and the files that requests name.
BROWSER_TOOLS = (Browse,)
# Given the shelf on which the documents of requests are kept.
DOCUMENT_TOOLS = (Search, ReadPage, CheckCitations)
