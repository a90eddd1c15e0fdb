<?php
/**
 * Lets one start at a time through.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * A lock in one row of the options table of this site, so that it holds across processes and web servers. It runs out
 * by itself: a request that was killed does not keep the shop from starting for ever.
 *
 * Taken and tested by SQL alone, since get_option() may answer from a cache. The clock is the database's.
 */
final class Artly_Bridge_Start_Lock {

	const OPTION = '_artly_reminder_bridge_start_lock';

	/** Seconds for which the lock holds, unless it is extended. */
	const SECONDS = 60;

	/**
	 * Marks this holder's lock; '' while it does not hold it.
	 *
	 * @var string
	 */
	private string $token = '';

	/**
	 * Takes the lock, if nobody holds it.
	 *
	 * One statement, so that of two requests exactly one gets it: the row is inserted, or taken over if it has run out.
	 */
	public function acquire(): bool {
		global $wpdb;
		$token = wp_generate_uuid4();
		$wpdb->query(
			$wpdb->prepare(
				"INSERT INTO {$wpdb->options} (option_name, option_value, autoload)
				VALUES (%s, CONCAT(UNIX_TIMESTAMP() + %d, ':', %s), 'no')
				ON DUPLICATE KEY UPDATE option_value =
					IF(CAST(SUBSTRING_INDEX(option_value, ':', 1) AS UNSIGNED) < UNIX_TIMESTAMP(), VALUES(option_value), option_value)",
				self::OPTION,
				self::SECONDS,
				$token
			)
		);
		$this->token = $token;
		if ( ! $this->is_mine() ) {
			$this->token = '';
		}
		return '' !== $this->token;
	}

	/**
	 * Lets the lock hold for so many seconds from now.
	 *
	 * @param int $seconds How long.
	 * @return bool False where it ran out and somebody else has it now: the work must stop.
	 */
	public function extend( int $seconds = self::SECONDS ): bool {
		global $wpdb;
		$wpdb->query(
			$wpdb->prepare(
				"UPDATE {$wpdb->options} SET option_value = CONCAT(UNIX_TIMESTAMP() + %d, ':', %s)
				WHERE option_name = %s AND SUBSTRING_INDEX(option_value, ':', -1) = %s",
				$seconds,
				$this->token,
				self::OPTION,
				$this->token
			)
		);
		return $this->is_mine();
	}

	/**
	 * Gives the lock back, if it is still this holder's.
	 */
	public function release(): void {
		global $wpdb;
		if ( '' === $this->token ) {
			return;
		}
		$wpdb->query(
			$wpdb->prepare(
				"DELETE FROM {$wpdb->options} WHERE option_name = %s AND SUBSTRING_INDEX(option_value, ':', -1) = %s",
				self::OPTION,
				$this->token
			)
		);
		$this->token = '';
	}

	/**
	 * Whether anybody is starting a sync now.
	 */
	public function is_held(): bool {
		global $wpdb;
		return (bool) $wpdb->get_var(
			$wpdb->prepare(
				"SELECT CAST(SUBSTRING_INDEX(option_value, ':', 1) AS UNSIGNED) >= UNIX_TIMESTAMP() FROM {$wpdb->options} WHERE option_name = %s",
				self::OPTION
			)
		);
	}

	/**
	 * Whether the row carries this holder's mark.
	 */
	private function is_mine(): bool {
		global $wpdb;
		$value = $wpdb->get_var( $wpdb->prepare( "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s", self::OPTION ) );
		return '' !== $this->token && is_string( $value ) && substr( $value, -strlen( $this->token ) ) === $this->token;
	}
}
