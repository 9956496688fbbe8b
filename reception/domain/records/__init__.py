"""The doctor's part: the record of a visit, what is typed and not saved yet, vitals, treatments, the history."""
