"""What the tests, scripts/quickstart and scripts/bench share: servers, messages, and a way to run mailtree.

Import it with tests/ on the path (PYTHONPATH=tests): "from lib.dovecot import Dovecot".  Standard library only.
"""
