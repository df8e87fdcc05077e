-- An import fills tables that were empty when its statements were first planned: each call is planned for what is there.
SET plan_cache_mode = force_custom_plan
