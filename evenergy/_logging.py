"""Logging: one tree, ``evenergy``, silent unless somebody listens."""

import logging
import os


def configure() -> None:
    """Let ``EVENERGY_LOG`` (``debug``, ``info``, ...) write the library's log to standard error.

    A program that sets logging up itself gets each line once: then its own handlers write, and this one is silent.
    """
    logger = logging.getLogger("evenergy")
    logger.addHandler(logging.NullHandler())
    level = os.environ.get("EVENERGY_LOG", "").strip().upper()
    if not level:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda _: not logging.getLogger().handlers)
    logger.addHandler(handler)
    number = logging.getLevelNamesMapping().get(level)
    if number is None:
        logger.warning("EVENERGY_LOG is %r, which is no level; use debug, info, warning or error", level)
        return
    logger.setLevel(number)
