<?php
/**
 * What sources in the database share.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * A source with one type of points, read from the database of this site.
 */
abstract class Artly_Bridge_Sql_Source implements Artly_Bridge_Source {

	/**
	 * One type, the usual one.
	 *
	 * @return string[]
	 */
	public function points_types(): array {
		return array( Artly_Bridge_Collector::DEFAULT_POINTS_TYPE );
	}

	/**
	 * The balances of the members with ids in a range, in one query that gives wp_user_id, email and points_balance by
	 * ascending user id; where it gives a member twice, the first row counts.
	 *
	 * @param int $after First id that is too small.
	 * @param int $last  Last id of the range.
	 * @return string Prepared SQL.
	 * @throws Artly_Bridge_Read_Exception Where there is nothing to ask.
	 */
	abstract protected function query_for_range( int $after, int $last ): string;

	/**
	 * See the interface.
	 *
	 * A page is a range of ids, taken from the users' table: so the page's own query is bound on both sides, and stays
	 * quick on tables without an index on the member, or with a better-looking but wrong one. Ranges in which nobody has
	 * points are passed over, for an empty page would end the reading.
	 *
	 * @param string $points_type   One of points_types().
	 * @param int    $after_user_id Last id that was read.
	 * @param int    $limit         Most rows to give.
	 * @return array<int,array{wp_user_id:int,email:string,points_balance:string}>
	 * @throws Artly_Bridge_Read_Exception Where the database refuses.
	 */
	public function page( string $points_type, int $after_user_id, int $limit ): array {
		global $wpdb;
		$after = $after_user_id;
		do {
			$ids = $wpdb->prepare( "SELECT ID FROM {$wpdb->users} WHERE ID > %d ORDER BY ID LIMIT %d", $after, $limit );
			// phpcs:ignore WordPress.DB.PreparedSQL -- prepared above.
			$last = $this->checked( $wpdb->get_var( "SELECT MAX(ID) FROM ({$ids}) page" ) );
			if ( null === $last ) {
				return array();
			}
			$rows  = $this->rows( $this->query_for_range( $after, (int) $last ) );
			$after = (int) $last;
		} while ( array() === $rows );
		return $rows;
	}

	/**
	 * The rows of a query.
	 *
	 * @param string $sql Prepared SQL.
	 * @return array<int,array{wp_user_id:int,email:string,points_balance:string}>
	 */
	private function rows( string $sql ): array {
		global $wpdb;
		$rows = array();
		$last = 0;
		// phpcs:ignore WordPress.DB.PreparedSQL.NotPrepared -- prepared by the source.
		foreach ( (array) $this->checked( $wpdb->get_results( $sql ) ) as $row ) {
			$id = (int) $row->wp_user_id;
			if ( $id !== $last ) {
				$rows[] = array(
					'wp_user_id'     => $id,
					'email'          => (string) $row->email,
					'points_balance' => (string) $row->points_balance,
				);
			}
			$last = $id;
		}
		// wpdb would keep its own copy of the page until the next query.
		$wpdb->flush();
		return $rows;
	}

	/**
	 * What the database gave, if it did.
	 *
	 * @param mixed $result What wpdb gave.
	 * @return mixed The same.
	 * @throws Artly_Bridge_Read_Exception Where the query failed: wpdb itself gives nothing then, which reads as "no more
	 *                                     members", and half of the shop would be sent as if it were all.
	 */
	private function checked( $result ) {
		global $wpdb;
		if ( '' !== $wpdb->last_error ) {
			throw new Artly_Bridge_Read_Exception( 'The database did not give the balances.' );
		}
		return $result;
	}

	/**
	 * Condition for a query with the users' table as `u`: on a network all sites share that table, and a site may only
	 * send who is a member of it. One who was removed from the site is, seen from there, a user who no longer exists.
	 */
	protected function only_users_of_this_site(): string {
		global $wpdb;
		if ( ! is_multisite() ) {
			return '';
		}
		return $wpdb->prepare(
			" AND EXISTS (SELECT 1 FROM {$wpdb->usermeta} membership WHERE membership.user_id = u.ID AND membership.meta_key = %s)",
			$wpdb->prefix . 'capabilities'
		);
	}
}
