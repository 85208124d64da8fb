-- name: give_back_page
-- The driver takes a single step of this statement, and each step is a page.
PRAGMA incremental_vacuum(1);

-- name: pages
SELECT page_size, page_count, freelist_count
FROM pragma_page_size(), pragma_page_count(), pragma_freelist_count();
