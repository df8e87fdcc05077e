-- The schema of a build, put in the place of the name below. It must not be there: what is in one of that name is somebody else's.
CREATE SCHEMA event_store
