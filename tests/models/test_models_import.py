import subprocess
import sys


def test_importing_the_models_loads_no_heavy_package():
    heavy = "{'torch', 'transformers', 'xgrammar', 'openai', 'aiohttp', 'numpy', 'tokenizers'}"
    program = f"import sys, judge_agent.models; print(sorted({heavy} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
