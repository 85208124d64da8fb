-- name: count_on_from_experiments
-- So that the next experiment's number is none of those that were given by hand.
SELECT setval('experiment_id_seq', greatest(last_value, (SELECT max(id) FROM experiment), 1)) AS id FROM experiment_id_seq;
