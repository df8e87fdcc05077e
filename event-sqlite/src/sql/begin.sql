-- Takes the write lock, or waits for it; what is read after it cannot change before the commit.
BEGIN IMMEDIATE
