import pg from 'pg';

/** Ends the connections of all who listen, as a restarted pooler or an operator does. */
export async function cutListeners(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'artly-sync notices' AND datname = current_database()`,
  );
  await client.end();
}
