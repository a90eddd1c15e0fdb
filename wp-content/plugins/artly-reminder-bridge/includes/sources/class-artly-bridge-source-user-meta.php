<?php
/**
 * Balances in a user meta field.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Many plugins keep a member's balance as a user meta value. What is not a number is sent as it is: the server refuses
 * that one balance with a reason which the owner can read, instead of a member who is missing without a word.
 */
final class Artly_Bridge_Source_User_Meta extends Artly_Bridge_Sql_Source {

	const ID = 'user_meta';

	/**
	 * The key, or ''.
	 *
	 * @var string
	 */
	private string $meta_key;

	/**
	 * A source for one key.
	 *
	 * @param string $meta_key The key, or '' where none was chosen.
	 */
	public function __construct( string $meta_key ) {
		$this->meta_key = $meta_key;
	}

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
		return __( 'A user meta field', 'artly-reminder-bridge' );
	}

	/**
	 * See the interface.
	 */
	public function unavailable_reason(): string {
		return '' === $this->meta_key
			? __( 'Enter in the settings the meta key under which the points are kept.', 'artly-reminder-bridge' )
			: '';
	}

	/**
	 * The values of a range. Like get_user_meta(), the oldest row counts where a key is there twice.
	 *
	 * @param int $after First id that is too small.
	 * @param int $last  Last id of the range.
	 * @return string
	 */
	protected function query_for_range( int $after, int $last ): string {
		global $wpdb;
		// phpcs:disable WordPress.DB.PreparedSQL.NotPrepared -- the condition is prepared where it is made.
		return $wpdb->prepare(
			"SELECT m.user_id AS wp_user_id, u.user_email AS email, m.meta_value AS points_balance
			FROM {$wpdb->usermeta} m
			INNER JOIN {$wpdb->users} u ON u.ID = m.user_id
			WHERE m.meta_key = %s AND m.meta_value <> '' AND m.user_id > %d AND m.user_id <= %d" . $this->only_users_of_this_site() . '
			ORDER BY m.user_id, m.umeta_id',
			$this->meta_key,
			$after,
			$last
		);
		// phpcs:enable
	}
}
