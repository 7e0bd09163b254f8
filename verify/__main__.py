"""`python -m verify`: check a receipt and a file without any server."""

import sys

from verify.offline import main

sys.exit(main())
