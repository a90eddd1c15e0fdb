<?php
/**
 * Removes what the plugin keeps, on every site of a network.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require_once __DIR__ . '/includes/class-artly-bridge-settings.php';
require_once __DIR__ . '/includes/class-artly-bridge-current-job.php';
require_once __DIR__ . '/includes/class-artly-bridge-start-lock.php';

/**
 * Removes the options of the site that is switched to.
 */
function artly_reminder_bridge_remove_options(): void {
	delete_option( Artly_Bridge_Settings::OPTION_URL );
	delete_option( Artly_Bridge_Settings::OPTION_SECRET );
	delete_option( Artly_Bridge_Settings::OPTION_SOURCE );
	delete_option( Artly_Bridge_Settings::OPTION_META_KEY );
	delete_option( Artly_Bridge_Current_Job::OPTION );
	delete_option( Artly_Bridge_Start_Lock::OPTION );
}

if ( is_multisite() ) {
	$artly_reminder_bridge_sites = get_sites(
		array(
			'fields' => 'ids',
			'number' => 0,
		)
	);
	foreach ( $artly_reminder_bridge_sites as $artly_reminder_bridge_site ) {
		switch_to_blog( $artly_reminder_bridge_site );
		artly_reminder_bridge_remove_options();
		restore_current_blog();
	}
} else {
	artly_reminder_bridge_remove_options();
}
