#!/usr/bin/env python3
"""Holds a session of Flotsam until the standard input ends, and prints its id: hold.py DIRECTORY

An agent in Python calls open_session() itself. The session ends with its process, whatever ends that. The socket is not
inherited by programs that the agent starts, but by children that it forks without starting one.
"""

import os
import secrets
import socket
import sys
import threading
import time


def open_session(directory):
    """Returns the id of a new session, which this process holds, and the path of its socket."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    # Shows that sessions are held here, so that one without a socket has ended.
    open(os.path.join(directory, ".flotsam-sessions"), "a").close()
    session = secrets.token_hex(16)
    path = os.path.join(directory, session)
    listening = socket.socket(socket.AF_UNIX)
    temporary = os.path.join(directory, "new-" + secrets.token_hex(14))
    listening.bind(temporary)
    listening.listen(128)
    # It gets its name now, since a socket that does not listen counts as that of a dead process.
    os.rename(temporary, path)
    threading.Thread(target=answer, args=(listening, session), daemon=True).start()
    return session, path


def answer(listening, session):
    """Answers each connection with the id and a newline, and closes it."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            time.sleep(0.1)  # no descriptor is free
            continue
        with connection:
            try:
                connection.sendall(session.encode() + b"\n")
            except OSError:
                pass  # the other side is gone


if __name__ == "__main__":
    session, path = open_session(sys.argv[1])
    print(session, flush=True)
    sys.stdin.read()
    os.unlink(path)
