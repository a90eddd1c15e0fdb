<?php
/**
 * What the plugin reads and removes on a network of two sites, as JSON. Run in a process of its own, since a WordPress
 * is a network or not from its first line.
 *
 * @package Artly_Reminder_Bridge
 */

require __DIR__ . '/own-tables.php';
require getenv( 'ARTLY_TEST_WP_ROOT' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';

/**
 * Ids of the members that a source gives.
 *
 * @param Artly_Bridge_Source $source The source.
 */
function artly_read_ids( Artly_Bridge_Source $source ): array {
	return array_column( iterator_to_array( ( new Artly_Bridge_Collector( $source, 2 ) )->balances(), false ), 'wp_user_id' );
}

$artly_second = wpmu_create_blog( ARTLY_TEST_HOST, '/second/', 'Second', 1 );
foreach ( array( 2, 3, 4 ) as $artly_id ) {
	$wpdb->insert(
		$wpdb->users,
		array(
			'ID'            => $artly_id,
			'user_login'    => "member{$artly_id}",
			'user_nicename' => "member{$artly_id}",
			'user_email'    => "member{$artly_id}@shop.example",
		)
	);
	update_user_meta( $artly_id, 'points', '7' );
}
add_user_to_blog( 1, 2, 'subscriber' );
add_user_to_blog( $artly_second, 2, 'subscriber' );
add_user_to_blog( $artly_second, 3, 'subscriber' );
update_option( Artly_Bridge_Settings::OPTION_URL, 'https://first.example' );

$artly_found = array( 'first' => artly_read_ids( new Artly_Bridge_Source_User_Meta( 'points' ) ) );

switch_to_blog( $artly_second );
$wpdb->query( "CREATE TABLE {$wpdb->prefix}wc_points_rewards_user_points (id bigint AUTO_INCREMENT PRIMARY KEY, user_id bigint, points_balance bigint)" );
$wpdb->query( "INSERT INTO {$wpdb->prefix}wc_points_rewards_user_points (user_id, points_balance) VALUES (2, 1), (3, 2), (4, 3)" );
$artly_found['second']        = artly_read_ids( new Artly_Bridge_Source_User_Meta( 'points' ) );
$artly_found['second_points'] = artly_read_ids( new Artly_Bridge_Source_Wc_Points() );
$artly_found['second_url']    = Artly_Bridge_Settings::url();
update_option( Artly_Bridge_Settings::OPTION_URL, 'https://second.example' );
restore_current_blog();
$artly_found['first_has_table'] = '' === ( new Artly_Bridge_Source_Wc_Points() )->unavailable_reason();
$artly_found['first_url']       = Artly_Bridge_Settings::url();

define( 'WP_UNINSTALL_PLUGIN', 'artly-reminder-bridge/artly-reminder-bridge.php' );
require dirname( __DIR__, 2 ) . '/uninstall.php';
$artly_found['left'] = array( get_option( Artly_Bridge_Settings::OPTION_URL ), get_blog_option( $artly_second, Artly_Bridge_Settings::OPTION_URL ) );

echo wp_json_encode( $artly_found );
