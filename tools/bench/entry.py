"""How a benchmark runs an entry file in a process of its own: as StackStorm's wrapper loads it."""

# python -c LOADED + what to do with `answer` ENTRY_FILE PARAMETERS CONFIG (both JSON)
LOADED = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("entry", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
action = next(each for each in vars(module).values()
              if isinstance(each, type) and each.__module__ == "entry")
answer = action(json.loads(sys.argv[3])).run(**json.loads(sys.argv[2]))
"""
