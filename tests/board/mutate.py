#!/usr/bin/env python3
"""A runner that cannot be trusted: copies standard input to standard output, and damages what goes through.

    mutate.py flip SEED     now and then a bit is another one
    mutate.py insert SEED   now and then there is noise in between
    mutate.py drop SEED     now and then a few bytes are missing
    mutate.py flood         all is as it should be, and then noise without end
"""

import os
import random
import sys


def write(data):
    while data:
        data = data[os.write(1, data):]


def damage(how, dice, data):
    at = dice.randrange(len(data))
    if how == "flip":
        data[at] ^= 1 << dice.randrange(8)
    elif how == "insert":
        data[at:at] = dice.randbytes(dice.randrange(1, 5000))
    else:
        del data[at:at + dice.randrange(1, 100)]


def main():
    how = sys.argv[1]
    dice = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    copied = 0
    while True:
        data = bytearray(os.read(0, 65536))
        if not data:
            return
        copied += len(data)
        if how == "flood" and copied > 400:
            while True:
                write(dice.randbytes(65536))
        if how != "flood" and dice.random() < 0.2:
            damage(how, dice, data)
        write(bytes(data))


try:
    main()
except OSError:
    sys.exit(1)
