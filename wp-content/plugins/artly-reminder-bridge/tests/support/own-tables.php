<?php
/**
 * Makes the WordPress that is loaded next use tables of its own, so that the tests never touch those of the shop whose
 * folder they were given, and loads the plugin from this folder.
 *
 * To be required before wp-load.php; WordPress takes over hooks that are there before it is.
 *
 * @package Artly_Reminder_Bridge
 */

define( 'ARTLY_TEST_PREFIX', getenv( 'ARTLY_TEST_PREFIX' ) ? getenv( 'ARTLY_TEST_PREFIX' ) : 'artlytest_' );
define( 'ARTLY_TEST_HOST', 'artly-test.example' );

if ( getenv( 'ARTLY_TEST_NETWORK' ) ) {
	define( 'MULTISITE', true );
	define( 'SUBDOMAIN_INSTALL', false );
	define( 'DOMAIN_CURRENT_SITE', ARTLY_TEST_HOST );
	define( 'PATH_CURRENT_SITE', '/' );
	define( 'SITE_ID_CURRENT_SITE', 1 );
	define( 'BLOG_ID_CURRENT_SITE', 1 );
}

// phpcs:disable WordPress.WP.GlobalVariablesOverride, WordPress.NamingConventions.PrefixAllGlobals -- before WordPress.
$_SERVER['HTTP_HOST'] = $_SERVER['HTTP_HOST'] ?? ARTLY_TEST_HOST;
$wp_filter            = array(
	// The first hook after the name of the tables has been set.
	'enable_loading_object_cache_dropin' => array(
		10 => array(
			array(
				'function'      => static function ( $enable ) {
					$GLOBALS['table_prefix'] = ARTLY_TEST_PREFIX;
					$GLOBALS['wpdb']->set_prefix( ARTLY_TEST_PREFIX );
					return $enable;
				},
				'accepted_args' => 1,
			),
		),
	),
	'muplugins_loaded'                   => array(
		10 => array(
			array(
				'function'      => static function () {
					require_once dirname( __DIR__, 2 ) . '/artly-reminder-bridge.php';
				},
				'accepted_args' => 0,
			),
		),
	),
);
$GLOBALS['wp_filter'] = $wp_filter;
