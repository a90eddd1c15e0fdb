/** Members take the ids from here on, so that the shop's own users stay apart from them. */
export const FIRST_MEMBER_ID = 1001;

export type MemberRange = {
  /** The number of the first member, counted from 1. */
  from: number;
  /** How many members. */
  count: number;
  /** The prefix of WordPress's tables. */
  prefix: string;
};

/** WooCommerce Points and Rewards' own table, as that plugin makes it. WooCommerce itself is not needed to read it. */
export function pointsTableStatement(prefix: string): string {
  return `CREATE TABLE IF NOT EXISTS ${prefix}wc_points_rewards_user_points (
    id bigint(20) NOT NULL AUTO_INCREMENT,
    user_id bigint(20) NOT NULL,
    points bigint(20) NOT NULL,
    points_balance bigint(20) NOT NULL,
    order_id bigint(20) DEFAULT NULL,
    date datetime NOT NULL,
    PRIMARY KEY (id),
    KEY idx_user_id_points_balance (user_id, points_balance),
    KEY idx_date_points_balance (date, points_balance)
  ) DEFAULT CHARACTER SET utf8mb4`;
}

/** WordPress users with the role of a subscriber, a statement a table and none a member. */
export function memberStatements({ from, count, prefix }: MemberRange): string[] {
  const numbers = `seq_${from}_to_${from + count - 1}`;
  const id = `seq + ${FIRST_MEMBER_ID - 1}`;
  return [
    // No password matches an empty hash: nobody signs in as a made-up member.
    `INSERT INTO ${prefix}users
      (ID, user_login, user_pass, user_nicename, user_email, user_registered, display_name)
      SELECT ${id}, CONCAT('member', seq), '', CONCAT('member', seq), CONCAT('member', seq, '@shop.example'),
        TIMESTAMP '2024-01-01 08:00:00' + INTERVAL seq MINUTE, CONCAT('Member ', seq)
      FROM ${numbers}`,
    `INSERT INTO ${prefix}usermeta (user_id, meta_key, meta_value)
      SELECT ${id}, '${prefix}capabilities', 'a:1:{s:10:"subscriber";b:1;}' FROM ${numbers}`,
    `INSERT INTO ${prefix}usermeta (user_id, meta_key, meta_value)
      SELECT ${id}, '${prefix}user_level', '0' FROM ${numbers}`,
  ];
}

/**
 * One to five rows a member, the same on every run. What was earned is partly spent: most rows have a rest; every 40th
 * member has a refund to work off, which takes the sum below zero.
 */
export function pointsStatements({ from, count, prefix }: MemberRange): string[] {
  const chance = (salt: string, below: number) => `CRC32(CONCAT('${salt}-', m.seq, '-', r.seq)) MOD ${below}`;
  return [
    `INSERT INTO ${prefix}wc_points_rewards_user_points (user_id, points, points_balance, order_id, date)
      SELECT user_id, points, IF(refund, -points, points - LEAST(spent, points)), order_id, date
      FROM (
        SELECT m.seq + ${FIRST_MEMBER_ID - 1} AS user_id,
          IF(m.seq MOD 40 = 0 AND r.seq = 1, 3000, 10 + ${chance('earned', 490)}) AS points,
          IF(${chance('spends', 3)} = 0, ${chance('spent', 500)}, 0) AS spent,
          m.seq MOD 40 = 0 AND r.seq = 1 AS refund,
          IF(r.seq MOD 2 = 0, 100000 + m.seq * 5 + r.seq, NULL) AS order_id,
          TIMESTAMP '2025-01-01 09:00:00' + INTERVAL (${chance('day', 500)}) DAY AS date
        FROM seq_${from}_to_${from + count - 1} AS m
        JOIN seq_1_to_5 AS r ON r.seq <= 1 + m.seq MOD 5
      ) AS earned`,
  ];
}
