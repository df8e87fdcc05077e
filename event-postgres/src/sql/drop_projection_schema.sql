-- The schema of a build that was forgotten, put in the place of the name below.
DROP SCHEMA IF EXISTS event_store CASCADE
