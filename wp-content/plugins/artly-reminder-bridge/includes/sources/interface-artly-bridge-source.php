<?php
/**
 * Where balances come from.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * A place where members' balances are kept. Other plugins add theirs with the filter
 * `artly_reminder_bridge_sources`.
 */
interface Artly_Bridge_Source {

	/**
	 * Name for the settings, the same for ever: small letters, digits and underscores.
	 */
	public function id(): string;

	/**
	 * Name for people.
	 */
	public function label(): string;

	/**
	 * Why balances cannot be read here now, as a sentence for the owner of the shop, or '' where they can.
	 */
	public function unavailable_reason(): string;

	/**
	 * The types of points kept here: a member has one balance a type. Most have one, called 'points'.
	 *
	 * @return string[] Each up to 64 characters.
	 */
	public function points_types(): array;

	/**
	 * The next balances of one type, by ascending user id, at most one a member.
	 *
	 * To be read with one query that begins after the id (`WHERE user_id > … ORDER BY user_id LIMIT …`), never with an
	 * OFFSET and never with a query a member. Members who no longer exist, or have no balance, are left out. An empty
	 * page means that there are no more.
	 *
	 * The balance stays the text that the database gives: a float would change decimals.
	 *
	 * @param string $points_type   One of points_types().
	 * @param int    $after_user_id Last id that was read, 0 at first.
	 * @param int    $limit         Most rows to give.
	 * @return array<int,array{wp_user_id:int,email:string,points_balance:string}>
	 * @throws Artly_Bridge_Read_Exception Where the balances cannot be read.
	 */
	public function page( string $points_type, int $after_user_id, int $limit ): array;
}
