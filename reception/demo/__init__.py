"""A clinic to look around in: `fill` makes its day around the present hour, `play` lets the day run on.

Nobody in it exists. Names are put together from short lists of ours, phone numbers come from the ranges that the German
regulator keeps for films, and the seed is fixed, so that every demo is the same but for its hour.
"""
