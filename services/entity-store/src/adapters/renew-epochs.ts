import pg from "pg";

/**
 * Begins a new epoch of every household, as the owner of the database. Returns how many there are. Devices then heal:
 * they bring back what a restore has lost (docs/protocol.md, section 8).
 */
export async function renewEpochs(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ renewed: string }>("select renew_epochs() as renewed");
    return Number(rows[0]?.renewed ?? 0);
  } finally {
    await client.end();
  }
}
