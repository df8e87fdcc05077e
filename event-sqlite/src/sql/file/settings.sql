-- What the file and this connection are set to, and the pages of the file.
SELECT j.journal_mode, s.synchronous, p.page_size, c.page_count, f.freelist_count
FROM pragma_journal_mode j, pragma_synchronous s, pragma_page_size p, pragma_page_count c, pragma_freelist_count f
