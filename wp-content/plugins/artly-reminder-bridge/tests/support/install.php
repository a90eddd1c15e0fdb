<?php
/**
 * Makes the tables of the tests anew, with a WordPress in them; with the argument "network" a network of two sites;
 * with "remove" only removes them. Run in a process of its own, since WordPress is another one while it installs.
 *
 * @package Artly_Reminder_Bridge
 */

define( 'WP_INSTALLING', true );
require __DIR__ . '/own-tables.php';

/**
 * Sends no mail from a test.
 */
function wp_mail() {
	return true;
}

require getenv( 'ARTLY_TEST_WP_ROOT' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

$artly_job = $argv[1] ?? 'single';

$artly_tables = $wpdb->get_col( $wpdb->prepare( 'SHOW TABLES LIKE %s', $wpdb->esc_like( ARTLY_TEST_PREFIX ) . '%' ) );
foreach ( $artly_tables as $artly_table ) {
	$wpdb->query( "DROP TABLE `{$artly_table}`" ); // phpcs:ignore WordPress.DB.PreparedSQL
}
if ( 'remove' === $artly_job ) {
	exit( 0 );
}
wp_cache_flush();
wp_install( 'Artly Test', 'owner', 'owner@shop.example', false, '', 'owner' );
if ( 'network' === $artly_job ) {
	foreach ( $wpdb->tables( 'ms_global' ) as $artly_name => $artly_table ) {
		$wpdb->$artly_name = $artly_table;
	}
	install_network();
	populate_network( 1, ARTLY_TEST_HOST, 'owner@shop.example', 'Artly Network', '/', false );
}
