import sys
from pathlib import Path

# The builders of test files stand beside the tests and belong to no package.
sys.path.insert(0, str(Path(__file__).parent))
