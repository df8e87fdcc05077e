-- A transaction for one statement; its settings follow, each as one of set.sql.
BEGIN ISOLATION LEVEL READ COMMITTED
