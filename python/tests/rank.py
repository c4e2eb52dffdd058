"""Runs a script as one rank of a world: `rank.py SCRIPT …`.

The process ends as those of `multiprocessing` do, without the end of the interpreter. In there torch ends
it by SIGABRT where a thread of gloo lets go of the last tensors only then (its issue 190489), also after
`destroy_process_group`, since DDP and meshes of devices hold on to their group.
"""

import os
import runpy
import sys
import traceback

if __name__ == "__main__":
    del sys.argv[0]
    sys.path[0] = os.path.dirname(sys.argv[0])
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
