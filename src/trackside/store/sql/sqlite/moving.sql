-- name: count_on_from_experiments
-- SQLite does so by itself.
SELECT max(id) AS id FROM experiment;
