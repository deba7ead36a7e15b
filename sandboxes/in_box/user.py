"""Gives the user of a box a name, a group and a home, though no list of users is shown to it.

Does NOT protect against anything; a program that starts another Python leaves these names behind.
"""

from __future__ import annotations

import grp
import pwd

from sandboxes.in_box.layers import WORK

NAME = "box"  # as USER and LOGNAME say


def prepare_user(number: int) -> None:
    """Done once, before any fork: `pwd` and `grp` know this number, and of all others what they knew."""
    user = pwd.struct_passwd((NAME, "x", number, number, NAME, WORK, "/bin/sh"))
    group = grp.struct_group((NAME, "x", number, []))
    users, user_by_name = pwd.getpwuid, pwd.getpwnam
    groups, group_by_name = grp.getgrgid, grp.getgrnam

    def getpwuid(uid: int, /) -> pwd.struct_passwd:
        return user if uid == number else users(uid)

    def getpwnam(name: str, /) -> pwd.struct_passwd:
        return user if name == NAME else user_by_name(name)

    def getgrgid(id: int) -> grp.struct_group:
        return group if id == number else groups(id)

    def getgrnam(name: str) -> grp.struct_group:
        return group if name == NAME else group_by_name(name)

    pwd.getpwuid, pwd.getpwnam, grp.getgrgid, grp.getgrnam = getpwuid, getpwnam, getgrgid, getgrnam
