<?php
/**
 * Balances of WooCommerce Points and Rewards.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * A member has several rows, one for every time points came in; the balance is the sum of what is left of each. Sites
 * that never ran its newer versions only have the log, where the balance is the sum of all changes.
 */
final class Artly_Bridge_Source_Wc_Points extends Artly_Bridge_Sql_Source {

	const ID = 'wc_points_rewards';

	/** Tables, without the prefix of the site, and the column to sum; the first one that exists is read. */
	const TABLES = array(
		'wc_points_rewards_user_points'     => 'points_balance',
		'wc_points_rewards_user_points_log' => 'points',
	);

	/**
	 * Table with the prefix, null until it was looked for, '' where there is none.
	 *
	 * @var string|null
	 */
	private ?string $table = null;

	/**
	 * See the interface.
	 */
	public function id(): string {
		return self::ID;
	}

	/**
	 * See the interface.
	 */
	public function label(): string {
		return __( 'WooCommerce Points and Rewards', 'artly-reminder-bridge' );
	}

	/**
	 * See the interface.
	 */
	public function unavailable_reason(): string {
		if ( '' !== $this->table() ) {
			return '';
		}
		return __( 'WooCommerce Points and Rewards has no points table on this site. Install and activate it, or choose another place.', 'artly-reminder-bridge' );
	}

	/**
	 * The sums of a range.
	 *
	 * @param int $after First id that is too small.
	 * @param int $last  Last id of the range.
	 * @return string
	 * @throws Artly_Bridge_Read_Exception Where the table is gone.
	 */
	protected function query_for_range( int $after, int $last ): string {
		global $wpdb;
		$table = $this->table();
		if ( '' === $table ) {
			throw new Artly_Bridge_Read_Exception( 'There is no points table.' );
		}
		$column = self::TABLES[ substr( $table, strlen( $wpdb->prefix ) ) ];
		// phpcs:disable WordPress.DB.PreparedSQL -- names from the constant above; the condition is prepared where it is made.
		return $wpdb->prepare(
			"SELECT p.user_id AS wp_user_id, MAX(u.user_email) AS email, SUM(p.{$column}) AS points_balance
			FROM {$table} p
			INNER JOIN {$wpdb->users} u ON u.ID = p.user_id
			WHERE p.user_id > %d AND p.user_id <= %d" . $this->only_users_of_this_site() . '
			GROUP BY p.user_id
			ORDER BY p.user_id',
			$after,
			$last
		);
		// phpcs:enable
	}

	/**
	 * The table to read, or ''.
	 */
	private function table(): string {
		global $wpdb;
		if ( null === $this->table ) {
			$this->table = '';
			foreach ( array_keys( self::TABLES ) as $name ) {
				$table = $wpdb->prefix . $name;
				if ( $table === $wpdb->get_var( $wpdb->prepare( 'SHOW TABLES LIKE %s', $wpdb->esc_like( $table ) ) ) ) {
					$this->table = $table;
					break;
				}
			}
		}
		return $this->table;
	}
}
